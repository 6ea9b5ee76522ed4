"""From kernel signatures to LLVM IR."""
