// Package minio starts MinIO servers: a real S3 service on the loopback interface, with random
// credentials and a folder of its own, that ends with the process that started it.
//
// Its limits are the ones of a single-node MinIO, which tests use on purpose: it has no public
// access block and no bucket ownership controls, refuses AbortIncompleteMultipartUpload rules, and
// has default encryption only when it has a key (NoKMS takes it away).
package minio
