//! The HTTP resources, one file per row of the contract.
