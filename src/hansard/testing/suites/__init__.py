"""The parts of the contract suite, one module for each group of guarantees. `BackendContract` puts them together."""
