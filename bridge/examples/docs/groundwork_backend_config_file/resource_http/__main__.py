import groundwork_iac as groundwork

# A state behind a REST address. TF_HTTP_USERNAME and TF_HTTP_PASSWORD give the credentials.
http = groundwork.BackendConfigFile(
    "http",
    path="app/backend.tf",
    http={
        "address": "https://states.example.org/dev/app",
        "lock_address": "https://states.example.org/dev/app/lock",
        "unlock_address": "https://states.example.org/dev/app/lock",
        "lock_method": "POST",
        "unlock_method": "DELETE",
    },
    remote_states={
        "infra": {"address": "https://states.example.org/dev/infra"},
    },
)
