"""Entry point report."""

from al.commands import command

main = command("report")
if __name__ == "__main__":
    main()
