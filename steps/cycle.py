"""Entry point cycle."""

from al.commands import command

main = command("cycle")
if __name__ == "__main__":
    main()
