"""Entry point check-data."""

from al.commands import command

main = command("check-data")
if __name__ == "__main__":
    main()
