//! `esh-gateway`: from the packets of utility meters to readings people can bill from.

fn main() -> std::process::ExitCode {
    esh_gateway::cli::main()
}
