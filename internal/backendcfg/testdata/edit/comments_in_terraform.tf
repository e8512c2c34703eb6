terraform { # opening note
  # first
  required_version = ">= 1.6" # trailing

  // before the end

} # closing note
# after
