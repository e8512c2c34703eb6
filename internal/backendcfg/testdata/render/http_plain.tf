# Managed by groundwork: change the configuration that generates this file, not the file.
# Commit it: it holds no credentials. Those come from the environment, as
# TF_HTTP_USERNAME and TF_HTTP_PASSWORD.

terraform {
  backend "http" {
    address = "http://127.0.0.1:8080/state?team=a%20b"
  }
}
