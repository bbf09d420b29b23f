import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.eclipse.californium.core.CoapClient;
import org.eclipse.californium.core.CoapResponse;
import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.californium.scandium.dtls.cipher.CipherSuite;
import org.eclipse.californium.scandium.dtls.pskstore.AdvancedSinglePskStore;

/**
 * Posts each line of its standard input and prints the code of the answer. Without a connection id it begins a new
 * handshake when it has heard nothing for a second. Arguments: URI, identity, key (as text), octets of its connection id ("-" for none), cipher suite.
 */
public final class Client {
    public static void main(String[] args) throws Exception {
        CoapConfig.register();
        DtlsConfig.register();
        Configuration configuration = Configuration.createStandardWithoutFile();
        configuration.set(DtlsConfig.DTLS_ROLE, DtlsConfig.DtlsRole.CLIENT_ONLY);
        configuration.set(DtlsConfig.DTLS_USE_SERVER_NAME_INDICATION, false);
        if (args[3].equals("-")) {
            configuration.set(DtlsConfig.DTLS_AUTO_HANDSHAKE_TIMEOUT, 1, TimeUnit.SECONDS);
        } else {
            configuration.set(DtlsConfig.DTLS_AUTO_HANDSHAKE_TIMEOUT, null, TimeUnit.SECONDS);
        }
        configuration.set(DtlsConfig.DTLS_CIPHER_SUITES, java.util.Arrays.asList(CipherSuite.getTypeByName(args[4])));
        configuration.set(DtlsConfig.DTLS_CONNECTION_ID_LENGTH, args[3].equals("-") ? null : Integer.valueOf(args[3]));
        DtlsConnectorConfig.Builder dtls = DtlsConnectorConfig.builder(configuration)
            .setAddress(new InetSocketAddress("127.0.0.1", 0))
            .setAdvancedPskStore(new AdvancedSinglePskStore(args[1], args[2].getBytes(StandardCharsets.UTF_8)));
        DTLSConnector connector = new DTLSConnector(dtls.build());
        CoapEndpoint endpoint = new CoapEndpoint.Builder().setConfiguration(configuration).setConnector(connector).build();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            // One of its own for each: a client holds on to the session of its first answer.
            CoapClient client = new CoapClient(args[0]);
            client.setEndpoint(endpoint);
            client.setTimeout(60_000L);
            CoapResponse response = client.post(line, 0);
            System.out.println(response == null ? "none" : response.getCode().toString());
            System.out.flush();
        }
        endpoint.destroy();
    }
}
