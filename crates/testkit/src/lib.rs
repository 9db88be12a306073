//! What the tests share: sample programs, a fake engine, a pseudo-terminal, validators.
