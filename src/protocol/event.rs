//! Events and answers.
