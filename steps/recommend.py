"""Entry point recommend."""

from al.commands import command

main = command("recommend")
if __name__ == "__main__":
    main()
