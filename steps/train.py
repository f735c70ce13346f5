"""Entry point train."""

from al.commands import command

main = command("train")
if __name__ == "__main__":
    main()
