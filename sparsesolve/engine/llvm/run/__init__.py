"""From LLVM IR to addresses, and running them: tables, threads, calls."""
