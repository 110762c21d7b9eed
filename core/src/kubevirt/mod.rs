//! The Kubernetes dialect.
