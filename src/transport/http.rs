//! The HTTP client underneath, set up the same whatever else the program turns on in it.

use std::sync::OnceLock;

use reqwest::{Client, ClientBuilder, Url, header::HeaderValue, redirect};

use crate::{
    config::{Config, is_loopback},
    error::{Error, ErrorKind, Result},
    protocol::Request,
};

/// The clients underneath, each made at its first use: reading the machine's root certificates takes milliseconds.
#[derive(Debug, Default)]
pub(super) struct Clients {
    /// For plain `http` on this machine: neither proxy nor certificates.
    plain_local: OnceLock<Result<Client>>,
    /// For `https` on this machine: no proxy. With `HTTP_PROXY` set, a key for this machine would go to the proxy.
    local: OnceLock<Result<Client>>,
    outward: OnceLock<Result<Client>>,
}

impl Clients {
    pub(super) fn get(&self, url: &Url, config: &Config) -> Result<&Client> {
        let client = match (is_loopback(url), url.scheme()) {
            (true, "http") => {
                self.plain_local.get_or_init(|| build_client(without_certificates(common(config).no_proxy())))
            }
            (true, _) => self.local.get_or_init(|| build_client(common(config).no_proxy())),
            (false, _) => self.outward.get_or_init(|| build_client(proxied(common(config), config)?)),
        };
        client.as_ref().map_err(Error::clone)
    }
}

fn common(config: &Config) -> ClientBuilder {
    let builder = Client::builder()
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
    match config.clocks.connect {
        Some(limit) => builder.connect_timeout(limit),
        None => builder,
    }
}

fn proxied(builder: ClientBuilder, config: &Config) -> Result<ClientBuilder> {
    match &config.proxy {
        Some(proxy) => Ok(builder.proxy(reqwest::Proxy::all(proxy.expose()).map_err(cannot_build)?)),
        None => Ok(builder),
    }
}

fn build_client(builder: ClientBuilder) -> Result<Client> {
    builder.build().map_err(cannot_build)
}

/// Where TLS is never used, the machine's certificates need not be read.
fn without_certificates(builder: ClientBuilder) -> ClientBuilder {
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
