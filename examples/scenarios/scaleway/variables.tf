variable "bucket" {
  description = "The bucket for the states. Its name is unique among all customers of the region."
  type        = string
}

variable "allowed_addresses" {
  description = "Who may connect to the lock database, in CIDR notation with a description: this machine and the runners of your pipelines."
  type        = map(string)

  validation {
    condition     = length(var.allowed_addresses) > 0 && !contains(keys(var.allowed_addresses), "0.0.0.0/0")
    error_message = "Name the addresses that may connect; 0.0.0.0/0 is the whole internet."
  }
}

variable "admin_password" {
  description = "The password of the instance's first user, who makes the database and the table. 12 to 128 characters: lower case, upper case, digits and special characters."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "ci_password" {
  description = "The password of the pipelines' user, who may lock and nothing else. The same rules."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "password_version" {
  description = "Count up to send changed passwords: they are write-only, so that nobody can see them change."
  type        = number
  default     = 1
}
