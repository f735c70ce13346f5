"""Entry point main."""

from al.commands import command

main = command("main")
if __name__ == "__main__":
    main()
