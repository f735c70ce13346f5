"""Entry point undo."""

from al.commands import command

main = command("undo")
if __name__ == "__main__":
    main()
