"""Entry point score."""

from al.commands import command

main = command("score")
if __name__ == "__main__":
    main()
