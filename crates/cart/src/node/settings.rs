//! What the environment and `crt_init_options_t` say: the variables of `crt_init.c` and `swim.c`.

use crate::{rpc, swim};

/// The parameters of a process.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Of its contexts: `CRT_TIMEOUT`, `CRT_CREDIT_EP_CTX`.
    pub rpc: rpc::Settings,
    /// How many contexts there may be: `CRT_CTX_NUM`, for clients.
    pub contexts: u32,
    /// What carries frames: `D_PROVIDER`, by an older name `CRT_PHY_ADDR_STR`.
    pub provider: String,
    /// The interfaces, as they are named: `D_INTERFACE`, by an older name `OFI_INTERFACE`. Servers use the first.
    pub interfaces: Vec<String>,
    /// The domains of the interfaces, for providers that know any: `D_DOMAIN`, by an older name `OFI_DOMAIN`.
    pub domains: Vec<String>,
    /// The port of the first context, the others have those that follow; 0 for any. `D_PORT`, by an older name
    /// `OFI_PORT`.
    pub port: u16,
    /// Whether another port will do if that is in use: `D_PORT_AUTO_ADJUST`.
    pub adjust_port: bool,
    /// Of the failure detector: `SWIM_PROTOCOL_PERIOD_LEN`, `SWIM_SUSPECT_TIMEOUT`, `SWIM_PING_TIMEOUT`, `SWIM_SUBGROUP_SIZE`.
    pub swim: swim::Settings,
}

/// `crt_init_options_t`: goes before the environment.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `cio_crt_timeout`, in seconds.
    pub timeout: Option<u32>,
    /// `cio_ctx_max_num`.
    pub contexts: Option<u32>,
    /// `cio_ep_credits`.
    pub credits: Option<u32>,
    /// `cio_provider`.
    pub provider: Option<String>,
    /// `cio_interface`.
    pub interface: Option<String>,
    /// `cio_domain`.
    pub domain: Option<String>,
    /// `cio_port`.
    pub port: Option<String>,
}

/// `CRT_TIMEOUT_MAX`, in seconds.
const MAX_TIMEOUT: u32 = 3600;
/// `CRT_MAX_CREDITS_PER_EP_CTX`.
const MAX_CREDITS: u32 = 256;
/// `CRT_SRV_CONTEXT_NUM`: contexts of a process.
pub const MAX_CONTEXTS: u32 = 256;
/// Clients have at least so many: `CRT_SRV_CONTEXT_NUM_MIN`.
const MIN_CONTEXTS: u32 = 18;
/// The context of the failure detector: `CRT_DEFAULT_PROGRESS_CTX_IDX`.
pub const SWIM_CONTEXT: u32 = 1;

impl Settings {
    /// Those of a server or a client in this environment. What is out of its range is brought into it.
    pub fn new(server: bool, options: &Options, environment: impl Fn(&str) -> Option<String>) -> Self {
        let text =
            |names: [&str; 2]| names.into_iter().find_map(&environment).filter(|text| !text.is_empty());
        let number = |name: &str| environment(name)?.trim().parse::<u32>().ok();
        let first = |list: &str| list.split(',').next().unwrap_or_default().trim().to_owned();

        let timeout = options.timeout.or_else(|| number("CRT_TIMEOUT")).filter(|&seconds| seconds > 0);
        let credits = options.credits.or_else(|| number("CRT_CREDIT_EP_CTX"));
        let mut settings = rpc::Settings::default();
        if let Some(seconds) = timeout {
            settings.timeout = u64::from(seconds.min(MAX_TIMEOUT)) * rpc::SECOND;
        }
        if let Some(credits) = credits {
            settings.credits = credits.min(MAX_CREDITS) as usize;
        }
        let contexts = options.contexts.or_else(|| number("CRT_CTX_NUM")).filter(|&count| count > 0);
        let cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        let contexts = match server {
            true => MAX_CONTEXTS,
            false => contexts.unwrap_or_else(cores).clamp(MIN_CONTEXTS, MAX_CONTEXTS),
        };
        // A list is one entry for each provider of a server, and one for each interface of a client.
        let provider = options.provider.clone().or_else(|| text(["D_PROVIDER", "CRT_PHY_ADDR_STR"]));
        let list = |option: &Option<String>, names| {
            let list = option.clone().or_else(|| text(names));
            let all = list.iter().flat_map(|list| list.split(',')).map(first);
            all.take(if server { 1 } else { usize::MAX }).collect::<Vec<_>>()
        };
        let interfaces = list(&options.interface, ["D_INTERFACE", "OFI_INTERFACE"]);
        let domains = list(&options.domain, ["D_DOMAIN", "OFI_DOMAIN"]);
        let port = options.port.clone().or_else(|| text(["D_PORT", "OFI_PORT"]));
        Settings {
            rpc: settings,
            contexts,
            provider: provider.map_or_else(|| "tcp".to_owned(), |list| first(&list)),
            interfaces,
            domains,
            port: port.and_then(|list| first(&list).parse().ok()).unwrap_or(0),
            adjust_port: number("D_PORT_AUTO_ADJUST").is_some_and(|adjust| adjust > 0),
            swim: detector(number),
        }
    }
}

fn detector(number: impl Fn(&str) -> Option<u32>) -> swim::Settings {
    let default = swim::Settings::default();
    let millis = |name, otherwise| number(name).map_or(otherwise, u64::from);
    let period = millis("SWIM_PROTOCOL_PERIOD_LEN", default.period).max(1);
    let ping_timeout = millis("SWIM_PING_TIMEOUT", default.ping_timeout).max(1);
    let suspect_timeout = millis("SWIM_SUSPECT_TIMEOUT", default.suspect_timeout);
    let subgroup = number("SWIM_SUBGROUP_SIZE").map_or(default.subgroup, |size| size as usize);
    swim::Settings { period, suspect_timeout, ping_timeout, subgroup }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
    }

    #[test]
    fn options_go_before_the_environment_and_that_before_defaults() {
        let options = Options { timeout: Some(7), ..Options::default() };
        let variables = environment(&[("CRT_TIMEOUT", "9"), ("OFI_PORT", "31416,2"), ("D_PROVIDER", "tcp")]);
        let settings = Settings::new(true, &options, variables);
        assert_eq!((settings.rpc.timeout, settings.rpc.credits), (7 * rpc::SECOND, 256));
        assert_eq!((settings.port, settings.contexts), (31416, 256));
        assert_eq!((&*settings.provider, settings.interfaces.len()), ("tcp", 0));
    }

    #[test]
    fn what_is_out_of_range_is_brought_into_it() {
        let variables =
            environment(&[("CRT_TIMEOUT", "4000"), ("CRT_CREDIT_EP_CTX", "1000"), ("CRT_CTX_NUM", "1")]);
        let settings = Settings::new(false, &Options::default(), variables);
        assert_eq!((settings.rpc.timeout, settings.rpc.credits), (3600 * rpc::SECOND, 256));
        assert_eq!(settings.contexts, 18);
        let variables = environment(&[("CRT_TIMEOUT", "0"), ("SWIM_SUSPECT_TIMEOUT", "0")]);
        let settings = Settings::new(false, &Options::default(), variables);
        assert_eq!((settings.rpc.timeout, settings.swim.suspect_timeout), (60 * rpc::SECOND, 0));
    }
}
