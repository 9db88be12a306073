//! The Docker API behind typed targets, plans, sessions and streams; the only home of bollard.
