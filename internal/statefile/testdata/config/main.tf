terraform {
  required_version = ">= 1.10"
}
variable "generation" { default = 1 }
variable "fail" { default = false }
variable "password" {
  default   = "hunter2-is-no-secret"
  sensitive = true
}
module "east" {
  source = "./mod"
  names  = ["a", "b/c", "quote\"d ${"$"}{x}"]
}
module "zone" {
  source   = "./mod"
  for_each = toset(["x", "y"])
  names    = ["only"]
}
resource "terraform_data" "counted" {
  count = 3
  input = count.index
}
resource "terraform_data" "secret" {
  input = { user = "root", password = var.password }
}
resource "terraform_data" "replaced" {
  input            = "kept on failure"
  triggers_replace = var.generation
  lifecycle { create_before_destroy = true }
}
resource "terraform_data" "tainted" {
  input            = "never finished"
  triggers_replace = terraform_data.replaced.id
  provisioner "local-exec" {
    command = "exit ${var.fail ? 1 : 0}"
  }
}
data "terraform_remote_state" "other" {
  backend = "local"
  config  = { path = "other.tfstate" }
}
check "something" {
  assert {
    condition     = length(module.east.ids) == 3
    error_message = "three are expected"
  }
}
output "ids" { value = module.east.ids }
output "password" {
  value     = var.password
  sensitive = true
}
output "number" { value = 12345678901234567890 }
