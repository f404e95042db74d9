//! Second factors: one's own, the question for them at the sign-in, and proving again that it is oneself.

pub mod calls;
