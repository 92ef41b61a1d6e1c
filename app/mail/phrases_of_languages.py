"""Phrases of servers that answer in other languages than English. Tried last: most of them say it in English besides.

Whatever mentions a sender, or the machine that sends, is taken as speaking of those. So only then do words such as
"address", which may be anybody's, count for the recipient.
"""

PHRASES_OF_LANGUAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "rejected",
        (
            # German, Dutch, French, Spanish, Portuguese, Italian, Polish, Russian
            "absender*|afzender*|expéditeur*|expediteur*|lexpéditeur|lexpediteur|remitente*|remetente*|mittente*|"
            "nadawc*|отправител*",
            # Swedish, Danish, Norwegian, Finnish, Czech, Hungarian, Romanian, Turkish, Greek
            "avsändar*|afsender*|avsender*|lähettäj*|odesílatel*|odosielateľ*|feladó*|expeditor*|gönderen*|αποστολέ*",
            # Ukrainian, Indonesian, Vietnamese, Arabic, Hebrew
            "відправник*|pengirim*|người_gửi|المرسل|שולח|השולח",
            # Chinese, Japanese, Korean
            "*发件人*|*寄件者*|*寄件人*|*差出人*|*送信者*|*送信元*|*보낸*|*발신자*|*발송자*",
            # "Your domain": German, French, Spanish, Portuguese, Italian, Polish, Russian
            "ihre|ihr|votre|su|sua|seu|il_suo|suo|tuo|twoja|państwa|ваш ~1 domain|domäne|domaine|dominio|domínio|"
            "domena|"
            "домен",
        ),
    ),
    (
        "blocked",
        (
            # The machine's address, whatever is wrong with it.
            "adresse|ladresse|adresa|adres|dirección|direccion|endereço|endereco|indirizzo|адрес|alamat|địa_chỉ ip",
            "ip adresse|adres|adresa|адрес|адреса|ipadres",
            "ip|ipadresse|dirección_ip|direccion_ip|endereço_ip|endereco_ip|ip_адрес ~6 gesperrt|blockiert|bloqu*|"
            "bloccat*|geblokkeerd|zablokowan*|заблокирован*|engellen*|blockerad*|blokeret|diblokir|zablokován*",
            "gesperrt*|bloqu*|bloccat*|geblokkeerd|zablokowan*|заблокирован*|diblokir ~3 ip|ips|ipadresse",
            "*ip被*|*ip已被*|*ip地址被*|*拒绝连接*",
        ),
    ),
    (
        "spamdetected",
        (
            "*垃圾邮件*|*垃圾郵件*|*迷惑メール*|*스팸*|спам|спамом|спама|pourriel*|correo_no_deseado|não_solicitad*|"
            "unerwünschte*|ongewenste*",
        ),
    ),
    (
        "filtered",
        # Italy's certified mail takes no other: the same words, whether somebody is there or not.
        ("non abilitato ~4 posta non_certificata",),
    ),
    (
        "mailboxfull",
        (
            "postfach|speicherplatz|speichervolumen|posteingang ~3 voll|überschritten|ueberschritten|erschöpft|"
            "überfüllt",
            "benutzer|empfänger|empfaenger|postfach ~1 hat ~1 zuviele|zu_viele ~1 mails|nachrichten",
            "postvak|mailbox|postbus ~3 vol",
            "boîte|boite|bal|quota|espace|lettres ~4 pleine|plein|dépassé*|depasse*|saturé*|saturee|insuffisant*",
            "buzón|buzon|casilla|cuota|cuenta|espacio ~5 lleno|llena|excedid*|superad*|agotad*|insuficiente",
            "caixa|cota|quota|conta|espaço|espaco ~5 cheia|cheio|excedid*|esgotad*|ultrapassad*|insuficiente|lotada",
            "casella|quota|spazio ~4 piena|pieno|superat*|esaurit*|insufficiente",
            "skrzynka|limit|konto ~4 pełna|pelna|przepełnion*|przepelnion*|przekroczon*|zapełnion*",
            "ящик*|квот*|лимит ~3 переполнен*|заполнен*|превышен*|исчерпан*",
            "превышен*|недостаточно|нет ~2 квот*|места|объем*|лимит*",
            # Swedish, Danish, Norwegian, Finnish
            "postlåd*|brevlåd*|kvot* ~4 full|överskrid*|överfull",
            "postkasse*|postboks*|kvote* ~4 fuld|full|fyldt|overskred*",
            "postilaatikko|kiintiö ~3 täynnä|ylit*",
            # Czech, Hungarian, Romanian, Turkish, Greek, Indonesian, Vietnamese
            "schránka|kvóta ~3 plná|překročen*|zaplněn*|prekročen*",
            "postafiók|kvóta|tárhely ~3 megtelt|tele|túllép*|betelt",
            "căsuț*|cutia|cota ~4 plină|plina|depășit*|depasit*",
            "posta_kutusu|kutusu|kota|kotası ~3 dolu|doldu|aşıldı|aşmış",
            "θυρίδα|γραμματοκιβώτιο ~4 γεμάτη|γεμάτο|πλήρης|πλήρες",
            "kotak_surat|kotak_masuk|kuota|penyimpanan ~3 penuh|terlampaui|habis|melebihi",
            "hộp_thư|dung_lượng ~3 đầy|vượt_quá",
            # Chinese, Japanese, Korean
            "*邮箱已满*|*空间已满*|*容量已满*|*空间不足*|*配额已满*|*超出配额*|*信箱已滿*|*空間已滿*|*容量已滿*|*空間不足*|*超過配額*",
            "*メールボックスが一杯*|*メールボックスがいっぱい*|*容量が超過*|*容量を超過*|*容量超過*|*容量オーバー*|*容量を超え*|*容量不足*",
            "*메일함*|*편지함*|*용량* ~3 *초과*|*부족*|*가득*",
        ),
    ),
    (
        # A mailbox that is there and shut: whoever owns it may open it again.
        "suspend",
        (
            "postfach|konto|benutzer|mailbox|account|adresse|empfänger|empfaenger ~4 gesperrt|deaktiviert|inaktiv|"
            "stillgelegt|abgeschaltet|nicht_aktiv",
            "boîte|boite|compte|utilisateur|adresse|bal|destinataire|lettres ~4 désactivé*|desactive*|suspendu*|"
            "inactif|"
            "inactive|bloqué*|bloque*|archivé*|archive*|fermé*",
            "cuenta|buzón|buzon|usuario|casilla|correo|direccion|dirección ~6 suspendid*|inactiv*|bloquead*|"
            "deshabilitad*|"
            "desactivad*|expirad*",
            "conta|caixa|usuário|usuario|endereço|endereco ~5 suspens*|inativ*|bloquead*|desativad*|desabilitad*|"
            "expirad*",
            "casella|account|utente|indirizzo|mailbox ~3 disabilitat*|sospes*|bloccat*|inattiv*|disattivat*|scadut*",
            "account|postvak|gebruiker|mailbox|postbus|emailadres ~3 geblokkeerd|uitgeschakeld|gedeactiveerd|inactief|"
            "opgeschort",
            "konto|skrzynka|użytkownik|uzytkownik ~4 zablokowan*|nieaktywn*|zawieszon*|wyłączon*|wylaczon*|niedostępn*|"
            "niedostepn*",
            "ящик*|пользовател*|получател*|аккаунт*|адрес* ~3 заблокирован*|отключ*|неактив*|приостановлен*|заморожен*",
            "schránka|účet|uživatel ~3 zablokov*|neaktivní|pozastaven*|deaktivov*|vypnut*",
            "kontot|postlåd*|användar*|konto*|bruger*|bruker* ~3 spärrad*|inaktiv*|avstängd*|spærret|sperret|"
            "suspender*|"
            "deaktiver*",
            "hesap|hesabı|posta_kutusu|kullanıcı* ~3 askıya_alın*|devre_dışı|kapatıl*|pasif|engellen*|dondurul*",
            "akun|kotak_surat|pengguna ~3 dinonaktifkan|nonaktif|diblokir|ditangguhkan|tidak_aktif",
            "*已停用*|*已禁用*|*被禁用*|*被停用*|*已冻结*|*被冻结*|*已锁定*|*被锁定*|*已暂停*|*已凍結*|*已鎖定*",
            "*利用停止*|*停止中*|*凍結*|*無効になって*",
            "*휴면*|*정지된*|*정지되*|*비활성*|*사용중지*|*이용정지*",
        ),
    ),
    (
        "userunknown",
        (
            "benutzer|nutzer|empfänger|empfaenger|postfach|teilnehmer|adresse|emailadresse|mailadresse|mailbox|konto|"
            "empfängeradresse|empfaengeradresse|mailkonto ~5 unbekannt|nicht_bekannt|existiert_nicht|"
            "existiert_hier_nicht|"
            "nicht_vorhanden|nicht_gefunden|ungültig|ungueltig|gelöscht|geloescht|gibt_es_nicht|nicht_registriert",
            "unbekannter|unbekannte|unbekanntes|ungültiger|ungültige|ungueltige ~1 benutzer|nutzer|empfänger|"
            "empfaenger|"
            "adresse|postfach|empfängeradresse|empfaengeradresse",
            "kein|keine|keinen solcher|solchen|solches|solche ~1 benutzer|nutzer|empfänger|empfaenger|postfach|konto|"
            "adresse",
            "kein|keinen postfach|benutzer|nutzer|empfänger|empfaenger|konto ~1 unter|mit|namens|gefunden|vorhanden",
            "gebruiker|ontvanger|postvak|emailadres|mailadres|adres|account|postbus|mailbox ~4 onbekend|bestaat_niet|"
            "bestaat_hier_niet|niet_gevonden|niet_bekend|ongeldig",
            "onbekende|ongeldige ~1 gebruiker|ontvanger|geadresseerde|postbus",
            "utilisateur|lutilisateur|destinataire|boîte|boite|adresse|ladresse|compte|bal ~6 inconnu|inconnue|"
            "inexistant|"
            "inexistante|nexiste_pas|nexiste_plus|introuvable|invalide|supprimé|supprimée|supprimee",
            "aucun ~1 utilisateur|destinataire|compte",
            "usuario|destinatario|buzón|buzon|casilla|cuenta|dirección|direccion|correo ~6 desconocido|desconocida|"
            "inexistente|no_existe|no_encontrado|no_encontrada|no_válida|no_valida|no_es_válida|no_es_valida|inválida|"
            "invalida|inválido|invalido",
            "no_existe ~2 usuario|destinatario|buzón|buzon|cuenta|dirección|direccion",
            "usuário|usuario|destinatário|destinatario|conta|caixa|endereço|endereco|utilizador ~5 desconhecido|"
            "desconhecida|"
            "inexistente|não_existe|nao_existe|não_encontrado|nao_encontrado|não_encontrada|nao_encontrada|"
            "não_foi_encontrad*|inválido|invalido|inválida|invalida",
            "utente|destinatario|casella|indirizzo|destin ~4 sconosciuto|sconosciuta|inesistente|non_esiste|"
            "non_trovato|"
            "non_trovata|non_valido|non_valida|errato",
            "non_esiste ~2 utente|casella|indirizzo|destinatario",
            "użytkownik|uzytkownik|odbiorca|skrzynka|konto|adres|adresat ~3 nieznany|nieznana|nieznane|nie_istnieje|"
            "nie_znaleziono|nieprawidłowy|nieprawidlowy",
            "nie_znaleziono|nieznany|brak ~1 użytkownika|uzytkownika|odbiorcy|konta|skrzynki|adresata|użytkownik|"
            "odbiorca|"
            "adresat",
            "nie_ma ~1 takiego|takiej ~1 użytkownika|uzytkownika|konta|skrzynki|adresata|odbiorcy|adresu",
            "пользовател*|получател*|адресат*|ящик*|адрес*|аккаунт*|абонент* ~4 неизвестен|не_найден*|не_существует|"
            "не_зарегистрирован*|недействителен|удален|удалён|отсутствует",
            "неизвестный|несуществующий|неверный ~1 пользователь|получатель|адресат|адрес|ящик",
            "нет ~1 такого|такой|таких ~2 пользовател*|получател*|адресат*|адрес*|ящик*|абонент*",
            # Notes and Domino, of their own directory.
            "nicht|non|no|não|niet|nie ~5 domino ~1 verzeichnis|directory|katalogu",
            "non|no|não|niet ~3 annuaire|lannuaire|directorio|rubrica|diretório|adresboek|elenco ~3 domino",
            # Swedish, Danish, Norwegian, Finnish
            "mottagar*|användar*|postlåd*|brevlåd*|adressen|kontot ~2 finns_inte|okänd|saknas|hittades_inte|"
            "existerar_inte",
            "modtager*|bruger*|postkasse*|adressen|kontoen ~2 findes_ikke|ukendt|eksisterer_ikke|blev_ikke_fundet",
            "mottaker*|bruker*|postboks*|adressen|kontoen ~2 finnes_ikke|ukjent|eksisterer_ikke|ble_ikke_funnet",
            "vastaanottaja*|käyttäjä*|osoite*|tiliä ~2 ei_löydy|ei_löytynyt|ei_ole_olemassa|tuntematon",
            # Czech, Slovak, Hungarian, Romanian, Turkish, Greek
            "uživatel*|příjemce|schránka|používateľ*|príjemca|adresa|adresát|účet ~2 neexistuje|nenalezen*|neznámý|"
            "nenájdený|nebyl_nalezen|nebyla_nalezena",
            "neznámý|neznámy|neexistující ~1 uživatel|příjemce|adresát|používateľ|príjemca",
            "nincs_ilyen|ismeretlen|nem_létező ~1 felhasználó|címzett|postafiók|cím|fiók",
            "felhasználó|címzett|postafiók|cím|emailcím|fiók ~2 nem_létezik|nem_található|ismeretlen",
            "utilizator*|destinatar*|adresa|contul|căsuța ~3 nu_există|nu_exista|necunoscut*|inexistent*|"
            "nu_a_fost_găsit*",
            "kullanıcı*|alıcı*|posta_kutusu|adres*|hesap|hesabı ~3 bulunamadı|mevcut_değil|bilinmiyor|yok|geçersiz",
            "bilinmeyen|geçersiz kullanıcı|alıcı",
            "χρήστης|παραλήπτης|παραλήπτη|διεύθυνση|λογαριασμός ~2 δεν_υπάρχει|άγνωστος|άγνωστη|δεν_βρέθηκε",
            # Ukrainian, Bulgarian, Indonesian and Malay, Vietnamese, Arabic, Hebrew
            "користувач*|одержувач*|отримувач*|адресат*|скриньк* ~3 не_існує|не_знайден*|невідом*|не_зареєстрован*",
            "потребител*|получател* ~3 не_съществува|неизвестен|не_е_намерен",
            "pengguna|penerima|alamat|akun|kotak_surat ~3 tidak_ditemukan|tidak_terdaftar|tidak_dikenal|tidak_ada|"
            "tidak_wujud|tidak_dijumpai",
            "người_dùng|người_nhận|địa_chỉ|hộp_thư|tài_khoản ~3 không_tồn_tại|không_tìm_thấy",
            "المستخدم|المستلم|العنوان|الحساب|البريد ~3 غير_موجود|غير_معروف|لا_يوجد",
            "המשתמש|משתמש|הנמען|נמען|הכתובת|כתובת|התיבה ~3 לא_קיים|לא_קיימת|לא_נמצא|לא_נמצאה",
            # Chinese, Japanese, Korean: no blanks part the words of the first two.
            "*用户不存在*|*用户未找到*|*用户名不存在*|*收件人不存在*|*收件人地址不存在*|*收件人未找到*|*收件人无效*|*邮箱不存在*|*账号不存在*|"
            "*邮箱地址不存在*|*邮件地址不存在*|*帐号不存在*|*账户不存在*|*帐户不存在*|*查无此用户*|*无此用户*|*没有此用户*|*没有该用户*|*找不到收件人*|*找不到用户*|"
            "*找不到该用户*|*无效用户*|*无效的收件人*|*无效收件人*",
            "*使用者不存在*|*收件者不存在*|*收件人位址不存在*|*信箱不存在*|*帳號不存在*|*帳戶不存在*|*查無此*|*無此使用者*|*找不到收件*",
            "*存在しないアドレス*|*アドレスが存在しません*|*アドレスは存在しません*|*アドレスが見つかりません*|*アドレスは見つかりません*|*宛先不明*|*宛先が存在しません*|"
            "*宛先が見つかりません*|*存在しない宛先*|*受信者が存在しません*|*メールボックスが存在しません*",
            "*ユーザーが存在しません*|*ユーザーは存在しません*|*ユーザが存在しません*|*ユーザは存在しません*|*存在しないユーザ*|*ユーザーが見つかりません*|"
            "*ユーザーは見つかりません*|*ユーザが見つかりません*|*ユーザは見つかりません*|*ユーザーは登録されていません*|*アドレスは登録されていません*",
            "*사용자*|*수신자*|*계정*|*아이디*|*메일주소* ~3 *없는|없습니다|없음|존재하지*|찾을_수_없*",
            "존재하지 않는 ~2 *사용자*|*수신자*|*계정*|*주소*|*아이디*|*메일*",
            "없는 *사용자*|*수신자*|*계정*|*아이디*",
        ),
    ),
)
