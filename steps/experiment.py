"""Entry point experiment."""

from al.commands import command

main = command("experiment")
if __name__ == "__main__":
    main()
