"""Entry point select-data."""

from al.commands import command

main = command("select-data")
if __name__ == "__main__":
    main()
