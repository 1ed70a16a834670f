//! The HTTP client underneath, set up the same whatever else the program turns on in it.

use reqwest::{Client, header::HeaderValue, redirect};

use crate::{
    config::{Config, is_loopback},
    error::{Error, ErrorKind, Result},
    protocol::{Endpoint, Request},
};

pub(super) fn client(config: &Config) -> Result<Client> {
    let mut builder = Client::builder()
        // HTTP/1.1, so that giving up on an answer closes a connection and the server notices.
        .http1_only()
        // A redirect would carry the key to where it was not meant for.
        .redirect(redirect::Policy::none())
        .referer(false)
        // Features of reqwest add up across a program; these change what is sent when some other crate turns them on.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .retry(reqwest::retry::never())
        .tcp_nodelay(true)
        .user_agent(&config.user_agent);
    if let Some(limit) = config.clocks.connect {
        builder = builder.connect_timeout(limit);
    }
    let (main, inside) = match &config.endpoint {
        Endpoint::Gateway(url) => (url, None),
        Endpoint::E2b(hosts) => (&hosts.api, Some(hosts.sandbox_url.as_ref())),
    };
    builder = match &config.proxy {
        // With HTTP_PROXY set, a key for this machine would go to the proxy.
        _ if is_loopback(main) => builder.no_proxy(),
        Some(proxy) => builder.proxy(reqwest::Proxy::all(proxy.expose()).map_err(cannot_build)?),
        None => builder,
    };
    let inside_is_plain = match inside {
        None => true,
        Some(url) => url.is_some_and(|url| url.scheme() == "http"),
    };
    if main.scheme() == "http" && inside_is_plain {
        builder = without_certificates(builder);
    }
    builder.build().map_err(cannot_build)
}

/// Where TLS is never used, the machine's certificates need not be read.
fn without_certificates(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    #[cfg(any(feature = "default-tls", feature = "native-tls"))]
    return builder.tls_certs_only([]);
    #[cfg(not(any(feature = "default-tls", feature = "native-tls")))]
    return builder;
}

fn cannot_build(cause: reqwest::Error) -> Error {
    Error::new(ErrorKind::Config, "the HTTP client could not be set up").with_source(cause.without_url())
}

pub(super) fn build(request: &Request, config: &Config) -> reqwest::Request {
    let mut built = reqwest::Request::new(request.method.clone(), request.url.clone());
    *built.headers_mut() = config.headers.clone();
    built.headers_mut().extend(request.headers.clone());
    if request.with_key {
        // The configuration let through only keys that a header can hold.
        if let Ok(mut key) = HeaderValue::from_str(config.api_key.expose()) {
            key.set_sensitive(true);
            built.headers_mut().insert("x-api-key", key);
        }
    }
    if let Some(body) = &request.body {
        *built.body_mut() = Some(body.clone().into());
    }
    built
}
