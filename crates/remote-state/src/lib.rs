//! State in S3.
