//! Container logs as values: frame decoder, line assembly, query, rendering.
