"""Entry point history."""

from al.commands import command

main = command("history")
if __name__ == "__main__":
    main()
