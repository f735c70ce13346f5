"""Entry point annotate."""

from al.commands import command

main = command("annotate")
if __name__ == "__main__":
    main()
