package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.BackendConfigFile;
import io.groundworkiac.groundwork.BackendConfigFileArgs;
import io.groundworkiac.groundwork.inputs.BackendConfigFileLockDatabaseArgs;
import io.groundworkiac.groundwork.inputs.BackendConfigFilePulumiBackendArgs;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        // The same as variables, for shells and CI: set -a; . ./.env; set +a
        // Credentials and the passphrase are not among them.
        var dotenv = new BackendConfigFile("dotenv", BackendConfigFileArgs.builder()
            .path(".env")
            .format("dotenv")
            .pulumiBackend(BackendConfigFilePulumiBackendArgs.builder()
                .bucket("acme-pulumi-states")
                .passphraseFile("/run/secrets/pulumi-passphrase")
                .build())
            // Where `groundwork exec` locks.
            .lockDatabase(BackendConfigFileLockDatabaseArgs.builder()
                .host("db.example.org")
                .port(5432)
                .name("pulumi_state_lock")
                .timeout(300)
                .build())
            .build());
    }
}
