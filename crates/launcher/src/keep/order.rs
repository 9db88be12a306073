//! The orders of clients to a keeper.

/// One line of the keeper's input.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Order<'a> {
    /// `open SESSION NAME [CONTAINER]`: create the path of this name to the tools for another
    /// session, and report the ids of the container's first process.
    Open {
        /// The session.
        session: &'a str,
        /// The name of the path.
        name: &'a str,
        /// The id of the target's container.
        container: Option<&'a str>,
    },
    /// `signal SESSION NUMBER`: forward a signal to the command.
    Signal {
        /// The session.
        session: &'a str,
        /// The signal.
        number: i32,
    },
    /// `here SESSION`: the client of this session is alive.
    Here {
        /// The session.
        session: &'a str,
    },
    /// `done SESSION`: end the session.
    Done {
        /// The session.
        session: &'a str,
    },
    /// `quit SESSION`: end all sessions, and the keeper.
    Quit {
        /// Any session.
        session: &'a str,
    },
}

impl<'a> Order<'a> {
    /// Parses a line. Returns `None` if the line is not an order.
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (order, session) = (words.next()?, words.next()?);
        match (order, words.next(), words.next(), words.next()) {
            ("open", Some(name), container, None) => Some(Self::Open { session, name, container }),
            ("signal", Some(number), None, None) => match number.parse().ok()? {
                number @ 1..=64 => Some(Self::Signal { session, number }),
                _ => None,
            },
            ("here", None, None, None) => Some(Self::Here { session }),
            ("done", None, None, None) => Some(Self::Done { session }),
            ("quit", None, None, None) => Some(Self::Quit { session }),
            _ => None,
        }
    }

    /// The session that the order is about.
    pub(super) fn session(self) -> &'a str {
        match self {
            Self::Open { session, .. }
            | Self::Signal { session, .. }
            | Self::Here { session }
            | Self::Done { session }
            | Self::Quit { session } => session,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn orders_are_read_strictly() {
        assert_eq!(Order::parse("signal s1 15"), Some(Order::Signal { session: "s1", number: 15 }));
        assert_eq!(
            Order::parse("open s1 n1"),
            Some(Order::Open { session: "s1", name: "n1", container: None })
        );
        assert_eq!(
            Order::parse("open s1 n1 c1"),
            Some(Order::Open { session: "s1", name: "n1", container: Some("c1") })
        );
        assert_eq!(Order::parse("here s1"), Some(Order::Here { session: "s1" }));
        assert_eq!(Order::parse("done s1"), Some(Order::Done { session: "s1" }));
        assert_eq!(Order::parse("quit s1"), Some(Order::Quit { session: "s1" }));
        for bad in [
            "",
            "signal",
            "signal s1",
            "signal s1 x",
            "signal s1 0",
            "signal s1 65",
            "signal s1 9 9",
            "here",
            "open s1",
            "open s1 n1 c1 c2",
            "done a b",
        ] {
            assert_eq!(Order::parse(bad), None, "{bad:?}");
        }
    }
}
