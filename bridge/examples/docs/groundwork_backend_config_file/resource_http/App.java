package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.BackendConfigFile;
import io.groundworkiac.groundwork.BackendConfigFileArgs;
import io.groundworkiac.groundwork.inputs.BackendConfigFileHttpArgs;
import io.groundworkiac.groundwork.inputs.BackendConfigFileRemoteStatesArgs;
import java.util.Map;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        // A state behind a REST address. TF_HTTP_USERNAME and TF_HTTP_PASSWORD give the credentials.
        var http = new BackendConfigFile("http", BackendConfigFileArgs.builder()
            .path("app/backend.tf")
            .http(BackendConfigFileHttpArgs.builder()
                .address("https://states.example.org/dev/app")
                .lockAddress("https://states.example.org/dev/app/lock")
                .unlockAddress("https://states.example.org/dev/app/lock")
                .lockMethod("POST")
                .unlockMethod("DELETE")
                .build())
            .remoteStates(Map.of("infra", BackendConfigFileRemoteStatesArgs.builder()
                .address("https://states.example.org/dev/infra")
                .build()))
            .build());
    }
}
