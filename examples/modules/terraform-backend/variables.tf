variable "environments" {
  description = "The environments. Each gets a bucket of its own."
  type        = set(string)
  default     = ["dev", "staging", "prod"]
  nullable    = false

  validation {
    condition     = length(var.environments) > 0
    error_message = "Name at least one environment."
  }
}

variable "bucket_prefix" {
  description = "What the names of the buckets start with: PREFIX-ENVIRONMENT. Most services share the names among all their customers, so put something of your own into it."
  type        = string
  default     = "terraform-state-coder"
  nullable    = false
}

variable "bucket_names" {
  description = "The names of buckets that are not called PREFIX-ENVIRONMENT, by environment."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.bucket_names), var.environments)) == 0
    error_message = "There is a bucket name for something that is not among the environments."
  }
}

variable "environments_dir" {
  description = "The directory with one directory for each environment, relative to where terraform runs. A backend file is written into every configuration found there. null writes none."
  type        = string
  default     = "environments"
}

variable "phases" {
  description = "The directories of an environment in phases, in the order in which they are applied. Each phase reads the outputs of those before it. An environment without such directories keeps one state."
  type        = list(string)
  default     = ["infra", "coder"]
  nullable    = false
}

variable "backend_file" {
  description = "The file that the backend configuration goes into, in each configuration."
  type        = string
  default     = "backend.tf"
  nullable    = false
}

variable "placement" {
  description = "file: the whole file is the module's. block: its blocks go into a file that is otherwise yours, such as providers.tf."
  type        = string
  default     = "file"
  nullable    = false

  validation {
    condition     = contains(["file", "block"], var.placement)
    error_message = "It is file or block."
  }
}

variable "if_exists" {
  description = "What to do with a backend configuration that is there already: error, adopt_identical or overwrite."
  type        = string
  default     = "error"
  nullable    = false
}

variable "tool" {
  description = "Who reads the backend files: terraform or opentofu."
  type        = string
  default     = "terraform"
  nullable    = false
}

variable "lock" {
  description = "How states are locked: auto (as was proved on each bucket), lockfile, or none."
  type        = string
  default     = "auto"
  nullable    = false
}

variable "lifecycle_rules" {
  description = "What the service deletes by itself. Left out: 90 days of old versions and 7 days for aborted uploads, as far as the service has it."
  type = object({
    noncurrent_expiration_days    = optional(number)
    noncurrent_versions_to_keep   = optional(number)
    abort_incomplete_uploads_days = optional(number)
    expire_delete_markers         = optional(bool)
    expirations                   = optional(map(number))
  })
  default = null
}

variable "access" {
  description = "Who may use the buckets, by environment, in the words of groundwork_state_bucket. Left out: nothing is said in the buckets, and the service's own rights apply."
  type = map(set(object({
    level      = string
    principals = set(string)
    prefix     = optional(string)
  })))
  default  = {}
  nullable = false
}

variable "caller_principal" {
  description = "Who this runs as, such as application_id:UUID. Needed on Scaleway together with access."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the buckets; environment is added. Left out: none, for there are services without tags."
  type        = map(string)
  default     = null
}

variable "adopt_existing" {
  description = "Take over buckets that exist and hold something. Their settings are left alone."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Refuse to destroy the buckets."
  type        = bool
  default     = true
  nullable    = false
}

variable "force_destroy" {
  description = "Delete what is in a bucket together with it."
  type        = bool
  default     = false
  nullable    = false
}

variable "final_backup_to" {
  description = "Where everything is copied before a bucket is destroyed: a folder, or s3://bucket/prefix."
  type        = string
  default     = null
}
