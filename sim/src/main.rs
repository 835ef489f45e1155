//! The `paidonce` command. What it does is in the library, see [`paidonce::commands`].

/// Exploring makes and drops a path for every step: with this allocator that takes less time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    paidonce::commands::main()
}
