//! Pure rules over ELF, image and container facts: facts in, findings out.
