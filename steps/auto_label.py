"""Entry point auto-label."""

from al.commands import command

main = command("auto-label")
if __name__ == "__main__":
    main()
