//! The `paidonce` command. What it does is in the library, see [`paidonce::commands`].

fn main() -> std::process::ExitCode {
    paidonce::commands::main()
}
