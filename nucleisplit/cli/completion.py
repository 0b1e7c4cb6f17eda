"""``nucleisplit completion``: the script that lets a shell complete commands and options."""

from typing import Any

import click
from click.shell_completion import get_completion_class

from nucleisplit.cli import console
from nucleisplit.cli.options import CONTEXT

SHELLS = ("bash", "zsh", "fish")
PROGRAM = "nucleisplit"


@click.command(context_settings=CONTEXT)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script with which SHELL completes commands, options, models, formats, files.

    Try it in the shell that is open, or put it where every new one finds it; do so again after an
    update of nucleisplit.

    \b
    eval "$(nucleisplit completion bash)"          in the bash that is open (4.4 or later)
    eval "$(nucleisplit completion zsh)"           in the zsh that is open, after compinit
    nucleisplit completion fish | source           in the fish that is open

    \b
    For every bash, with bash-completion; else add the line above to ~/.bashrc:
    mkdir -p ~/.local/share/bash-completion/completions
    nucleisplit completion bash > ~/.local/share/bash-completion/completions/nucleisplit

    \b
    For every zsh, with fpath+=(~/.zfunc) before compinit in ~/.zshrc:
    mkdir -p ~/.zfunc
    nucleisplit completion zsh > ~/.zfunc/_nucleisplit

    \b
    For every fish:
    mkdir -p ~/.config/fish/completions
    nucleisplit completion fish > ~/.config/fish/completions/nucleisplit.fish
    """
    program = context.find_root().command
    complete: Any = get_completion_class(shell)
    script = complete(program, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE")
    # not script.source(), which starts bash to see how old it is
    console.answer((script.source_template % script.source_vars()).rstrip())
