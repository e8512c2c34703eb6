package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import com.pulumi.resources.CustomResourceOptions;
import io.groundworkiac.groundwork.LockDatabase;
import io.groundworkiac.groundwork.LockDatabaseArgs;
import io.groundworkiac.groundwork.Provider;
import io.groundworkiac.groundwork.ProviderArgs;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        // The server comes from the cloud's own provider, here as configuration. A managed one has a port of
        // its own, a certificate of its own and a database of its own name.
        final var config = ctx.config();
        var server = new Provider("server", ProviderArgs.builder()
            .postgresHost(config.require("host"))
            .postgresPort(config.requireInteger("port"))
            .postgresSslmode("verify-ca")
            .postgresSslrootcert(config.require("certificate"))
            .postgresMaintenanceDatabase("rdb")
            .build());

        var locks = new LockDatabase("locks", LockDatabaseArgs.builder()
            .name("pulumi_state_lock")
            .build(), CustomResourceOptions.builder()
                .provider(server)
                .build());
    }
}
