"""Entry point watch."""

from al.commands import command

main = command("watch")
if __name__ == "__main__":
    main()
