"""Entry point export."""

from al.commands import command

main = command("export")
if __name__ == "__main__":
    main()
