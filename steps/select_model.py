"""Entry point select-model."""

from al.commands import command

main = command("select-model")
if __name__ == "__main__":
    main()
