"""Entry point predict."""

from al.commands import command

main = command("predict")
if __name__ == "__main__":
    main()
