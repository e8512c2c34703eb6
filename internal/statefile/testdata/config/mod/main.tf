variable "names" { type = set(string) }
resource "terraform_data" "each" {
  for_each = var.names
  input    = { name = each.key, ports = [80, 443] }
}
resource "terraform_data" "plain" {
  input = "in a module"
}
output "ids" { value = { for k, r in terraform_data.each : k => r.id } }
