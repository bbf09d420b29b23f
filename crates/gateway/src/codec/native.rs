//! What codecs ask of us: digests, AES and the encodings of text. Octets pass between a script and us as text whose
//! characters are octets.

use aes::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use md5::{Digest as _, Md5};
use ring::{digest, hmac};
use rquickjs::{Ctx, Exception, Function, Object, Result};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT.with_encode_padding(false));

/// The native parts, as the scripts around a codec ask for them.
pub(super) fn functions<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    object.set("digest", Function::new(ctx.clone(), digest_of)?)?;
    object.set("hmac", Function::new(ctx.clone(), hmac_of)?)?;
    object.set("aes", Function::new(ctx.clone(), aes_blocks)?)?;
    object.set("fromText", Function::new(ctx.clone(), from_text)?)?;
    object.set("toText", Function::new(ctx.clone(), to_text)?)?;
    Ok(object)
}

fn unpack(text: &str) -> Vec<u8> {
    text.chars().map(|character| character as u8).collect()
}

fn pack(octets: &[u8]) -> String {
    octets.iter().copied().map(char::from).collect()
}

fn refuse<T>(ctx: &Ctx<'_>, message: &str) -> Result<T> {
    Err(Exception::throw_message(ctx, message))
}

fn digest_of(ctx: Ctx<'_>, name: String, data: String) -> Result<String> {
    let data = unpack(&data);
    let algorithm = match name.to_ascii_lowercase().replace('-', "").as_str() {
        "md5" => return Ok(pack(&Md5::digest(&data))),
        "sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => &digest::SHA256,
        "sha384" => &digest::SHA384,
        "sha512" => &digest::SHA512,
        _ => return refuse(&ctx, "Digest method not supported: here are md5, sha1, sha256, sha384 and sha512"),
    };
    Ok(pack(digest::digest(algorithm, &data).as_ref()))
}

fn hmac_of(ctx: Ctx<'_>, name: String, key: String, data: String) -> Result<String> {
    let algorithm = match name.to_ascii_lowercase().replace('-', "").as_str() {
        "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => hmac::HMAC_SHA256,
        "sha384" => hmac::HMAC_SHA384,
        "sha512" => hmac::HMAC_SHA512,
        _ => return refuse(&ctx, "Invalid digest: an HMAC here is of sha1, sha256, sha384 or sha512"),
    };
    Ok(pack(hmac::sign(&hmac::Key::new(algorithm, &unpack(&key)), &unpack(&data)).as_ref()))
}

/// Whole blocks, each on its own: the modes are the script's.
fn aes_blocks(ctx: Ctx<'_>, key: String, blocks: String, encrypts: bool) -> Result<String> {
    let (key, mut blocks) = (unpack(&key), unpack(&blocks));
    let done = match key.len() {
        16 => Aes128::new_from_slice(&key).map(|cipher| each_block(&cipher, &mut blocks, encrypts)),
        24 => Aes192::new_from_slice(&key).map(|cipher| each_block(&cipher, &mut blocks, encrypts)),
        _ => Aes256::new_from_slice(&key).map(|cipher| each_block(&cipher, &mut blocks, encrypts)),
    };
    if done.is_err() {
        return refuse(&ctx, "Invalid key length");
    }
    Ok(pack(&blocks))
}

fn each_block<C: BlockEncrypt + BlockDecrypt>(cipher: &C, blocks: &mut [u8], encrypts: bool) {
    for block in blocks.chunks_exact_mut(16) {
        let Ok(block) = block.try_into().map(|block: &mut [u8; 16]| block) else { return };
        if encrypts {
            cipher.encrypt_block(aes::cipher::generic_array::GenericArray::from_mut_slice(block));
        } else {
            cipher.decrypt_block(aes::cipher::generic_array::GenericArray::from_mut_slice(block));
        }
    }
}

/// The octets of a text; Node.js ends at the first digit that is none.
fn from_text(text: String, encoding: String) -> String {
    pack(&match encoding.as_str() {
        "hex" => {
            let digits = text.as_bytes().as_chunks::<2>().0.iter();
            let octets = digits.map_while(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
            octets.collect()
        }
        "base64" | "base64url" => {
            let plain: String = text
                .chars()
                .take_while(|character| *character != '=')
                .filter_map(|character| match character {
                    '-' => Some('+'),
                    '_' => Some('/'),
                    '+' | '/' | '0'..='9' | 'a'..='z' | 'A'..='Z' => Some(character),
                    _ => None,
                })
                .collect();
            // One digit alone is less than an octet.
            let whole = plain.len() - usize::from(plain.len() % 4 == 1);
            BASE64.decode(plain.get(..whole).unwrap_or_default()).unwrap_or_default()
        }
        _ => text.into_bytes(),
    })
}

fn to_text(octets: String, encoding: String) -> String {
    let octets = unpack(&octets);
    match encoding.as_str() {
        "hex" => octets.iter().fold(String::new(), |mut text, octet| {
            text.extend([octet >> 4, octet & 15].map(|nibble| char::from_digit(nibble.into(), 16).unwrap_or('0')));
            text
        }),
        "base64" => BASE64.encode(&octets),
        "base64url" => BASE64URL.encode(&octets),
        _ => String::from_utf8_lossy(&octets).into_owned(),
    }
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).map(|digit| digit as u8)
}
