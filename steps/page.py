"""Entry point page."""

from al.commands import command

main = command("page")
if __name__ == "__main__":
    main()
