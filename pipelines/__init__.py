"""The stages. `job` names them in order; `engine` and `checkpoints` run what is missing of them, once."""
