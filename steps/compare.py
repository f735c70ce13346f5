"""Entry point compare."""

from al.commands import command

main = command("compare")
if __name__ == "__main__":
    main()
