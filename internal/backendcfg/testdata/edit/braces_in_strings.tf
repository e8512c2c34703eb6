locals {
  a = "terraform { backend \"s3\" {"
  b = "${jsonencode({ c = "}" })}{{{"
  d = "$${not} %%{not} }"
}
terraform {
  required_version = ">= 1.6" # } {
}
output "o" { value = "{" }
